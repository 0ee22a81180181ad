"""What several areas of the tests share: brokers, cameras, devices, tiny bundles, networks."""
