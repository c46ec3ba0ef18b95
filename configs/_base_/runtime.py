# Shared by every experiment: engine, logging, checkpoints.
default_scope = 'hrpose'

train_cfg = dict(by_epoch=True)
val_cfg = dict()
test_cfg = dict()

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=10, max_keep_ckpts=2, save_best='auto'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # A config without these gets them all the same; NAME=None takes one out.
    batch_size=dict(type='hrpose.BatchSizeHook'),  # logs the effective batch and its learning rate
    epoch_seed=dict(type='hrpose.EpochSeedHook'),  # a resumed training draws the numbers of an unbroken one
    finite_loss=dict(type='hrpose.FiniteLossHook'),  # a loss of NaN or infinity stops the training
    frozen_parts=dict(type='hrpose.FrozenPartsHook'),  # parts named in `frozen` keep their statistics
    pending_gradients=dict(type='hrpose.PendingGradientsHook'),  # checkpoints hold accumulated gradients
    shared_statistics=dict(type='hrpose.SharedStatisticsHook'),  # batch norm's are averaged over processes
    speed=dict(type='hrpose.SpeedHook'),  # logs precision, memory format, optimizer and compiler
)
log_processor = dict(by_epoch=True, window_size=50)
visualizer = dict(
    type='PoseVisualizer',
    vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')],
)

env_cfg = dict(cudnn_benchmark=True, mp_cfg=dict(mp_start_method='fork', opencv_num_threads=1))
randomness = dict(seed=0)
log_level = 'INFO'
load_from = None
resume = False
