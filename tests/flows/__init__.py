"""The running product through its public doors, without a browser."""
