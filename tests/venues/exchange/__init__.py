"""Coinbase Exchange, as ccxt's ``coinbaseexchange`` knows it: the one exchange that stands for all of ccxt."""
