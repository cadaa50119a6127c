"""Any exchange that ccxt has, by configuration alone."""
