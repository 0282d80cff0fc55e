"""Configurations and builds of a kernel tree: what a defconfig builds."""
