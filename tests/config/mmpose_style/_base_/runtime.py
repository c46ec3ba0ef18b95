# A runtime in mmpose's manner.
default_scope = 'mmpose'
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=50),
    checkpoint=dict(type='CheckpointHook', interval=10),
    visualization=dict(type='PoseVisualizationHook', enable=False),
)
custom_hooks = [dict(type='SyncBuffersHook')]
env_cfg = dict(cudnn_benchmark=False)
visualizer = dict(type='PoseLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')], name='visualizer')
load_from = None
resume = False
train_cfg = dict(by_epoch=True)
val_cfg = dict()
test_cfg = dict()
