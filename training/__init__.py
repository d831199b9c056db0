"""The experiments: small CNNs on MNIST on normalization layers checked before each trial."""
