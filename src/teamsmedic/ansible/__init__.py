"""What touches Ansible: its inventories for both doors, and the Ansible door itself."""
