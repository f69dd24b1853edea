"""What has to last: long runs, full disks, several processes at once."""
