"""What people see: the running product in a real Chromium."""
