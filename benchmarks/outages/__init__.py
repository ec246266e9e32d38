"""Workflows in the service while what it stands on goes away and comes back."""
