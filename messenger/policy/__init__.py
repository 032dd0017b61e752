"""May this be said: the firm's rules about words. Decides and keeps the rules; never sends or shows a message."""
