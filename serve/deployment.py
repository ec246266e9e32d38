"""The app as a Ray Serve deployment: started, served until somebody stops it, and ended without dropping a request."""
