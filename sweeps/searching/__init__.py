"""Search: candidates drawn from a space, compared by validation UA, the poor ones stopped early."""
