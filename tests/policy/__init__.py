"""Policies and the engines that run them."""
