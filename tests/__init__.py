"""The tests. Nothing here may be imported by the product."""
