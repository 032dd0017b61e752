"""The record: what is said and done, sealed in a signed tree before anybody sees it. Knows nothing of the messenger."""
