"""What passes between this program and the systems around it: archives.

Nothing here is imported until a user names such a system.
"""
