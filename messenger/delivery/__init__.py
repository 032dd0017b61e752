"""Delivery: tell connected people that something happened. Only ids travel; must not decide what may be said."""
