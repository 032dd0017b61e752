"""One module for each carrier, all behind one contract. Nothing here decides whether a text may be sent."""
