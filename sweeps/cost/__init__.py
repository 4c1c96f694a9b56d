"""What studies cost before they run: work, measured rates, hours, and storage."""
