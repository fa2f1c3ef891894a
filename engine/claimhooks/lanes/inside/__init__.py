"""What runs in the processes of the worker lane: the zygote, and the workers forked from it."""
