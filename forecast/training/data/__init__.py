"""What training reads: clips, recordings, samples and augmentation."""
