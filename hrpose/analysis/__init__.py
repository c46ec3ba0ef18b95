"""Studies of data sets, networks and predictions. Only `hrpose.cli` and tools/ import them.

doctor/         what is wrong with a data set, found before any training
benchmark/      how long each stage takes, and how time and memory grow
ap_account.py   what each part of the test protocol is worth
ap_ceiling.py   the best AP that the heatmap size allows
box_recall.py   how many annotated people a detector's boxes cover
calibration.py  probabilities of joints, fitted and measured
curves.py       loss, learning rate and metrics of training runs
model_stats.py  parameters and multiply-adds of each layer
"""
