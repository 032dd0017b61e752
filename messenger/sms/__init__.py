"""Reach a phone, lawfully: consent, rules, attempts, carriers. Never touches conversations or sockets."""
