#!/bin/bash
# One sweep as a Slurm job array, every task a shard of it:
#
#     sbatch slurm_array.sh sweep transfer --over width=32,64,128,256 --dataset mnist --members 20 --out /shared/out
#
# Submitted again, the same line finds what is finished and computes the rest.
#SBATCH --job-name=sottovoce
#SBATCH --array=1-4
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --output=%x-%A-%a.log
set -euo pipefail

exec sottovoce "$@" --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
