"""Training one network: optimiser steps, early stopping, precision, and the state that lets it go on."""
