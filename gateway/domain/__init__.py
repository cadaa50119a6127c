"""The words of the trade: frozen data, exact decimals, integer nanoseconds. Imports nothing above itself."""
