"""For those who deploy the service on Ray Serve themselves; not installed. See README.md beside this."""
