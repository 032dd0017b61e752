"""Guards: the house rules that a machine can hold us to. They read the source and need no database."""
