# What ships: libmillpond.so (every room), the millpond launcher, and the Python extension.
