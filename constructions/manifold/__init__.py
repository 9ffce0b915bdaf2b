"""Classes on low-dimensional manifolds: charts with certified covers, separated classes, and networks for them."""
