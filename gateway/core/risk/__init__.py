"""Limits: what they measure (exposure), how they compare (checks), which apply to an order (plan), the verdict
over all of them (gate)."""
