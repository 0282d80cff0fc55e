"""Kernel trees as values: what a defconfig builds, and builds of modules and kernels with a cache of them."""
