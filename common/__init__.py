"""What the baselines share: data, metric, training loop, result files."""

import os

# OpenMP threads that wait for work by spinning take the core from whoever has some: on a machine
# that is also busy with something else, small operations become a hundred times slower. Read when
# torch is first imported, so it has to be set here; a setting of the user's wins.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
