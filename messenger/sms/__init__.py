"""Reach a phone, lawfully: consent, rules, attempts, carriers. Never reads or writes conversations, spaces or sockets."""
