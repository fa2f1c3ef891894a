"""What ``claimhooks test`` is made of: trying samples, in many processes, and telling of it."""
