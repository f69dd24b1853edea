"""The example packages of docs/plugins, installed from their wheels."""
