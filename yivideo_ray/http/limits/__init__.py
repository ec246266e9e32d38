"""How long and how much a client may take: in Ray Serve's proxy (proxy.py), and in the app itself (admission.py)."""
