"""The plan and its proof as one HTML page: for people who look before they read."""
