"""The rules of texting as pure, dated code. Must not import Django, read a clock or touch the network."""
