"""Where a generation runs: `inline`, in this process."""
