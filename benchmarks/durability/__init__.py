"""Workflows in the service while everything is killed."""
