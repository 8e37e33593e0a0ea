"""Packages and containers of models: wheels, archives of servers, executables."""
