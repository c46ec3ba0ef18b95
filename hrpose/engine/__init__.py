"""Training and testing by mmengine's Runner: the runner, its hooks, and several processes or machines."""
