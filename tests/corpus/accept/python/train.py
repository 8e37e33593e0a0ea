import wandb
import os

def main():
    os.makedirs('out', exist_ok=True)
    wandb.init()

if __name__ == '__main__':
    main()
