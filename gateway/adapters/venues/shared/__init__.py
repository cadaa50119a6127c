"""What venue adapters have in common: budgets of messages, work in the background, ends that a venue does not know."""
