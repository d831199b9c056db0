"""The experiments: small CNNs on MNIST, trained on normalization layers checked before each trial."""
