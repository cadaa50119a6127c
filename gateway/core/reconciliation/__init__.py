"""Three-way reconciliation: the live book, the venue's orders and executions, the venue's holdings."""
