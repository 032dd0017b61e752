"""Conversations: what is said. The only room that posts to a stream and to its projection."""
