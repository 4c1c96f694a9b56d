"""What studies cost before they run: work, measured rates, hours, storage, and the order of jobs."""
