"""The doors: pages, API, socket, carrier call-backs. They translate and call an action; they decide nothing."""
