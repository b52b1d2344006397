# Copyright: teamsmedic contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The devices of a play by `-l` or `-e target=`; a play on none is an error, and never a success."""

from __future__ import annotations

DOCUMENTATION = """
name: devices
author: teamsmedic contributors (@teamsmedic)
version_added: 0.1.0
short_description: Devices of a play, by -l or by the variable target
description:
  - Gives the host pattern in the variable C(target); where that is not set and the play is limited (C(-l)), C(all).
  - Fails where neither is given, and where they leave no device. Ansible itself ends a play on no device as a success.
notes:
  - The host patterns, the limit and the groups are those of the inventory, as for C(hosts).
seealso:
  - plugin: ansible.builtin.inventory_hostnames
    plugin_type: lookup
"""

EXAMPLES = """
- name: Look at the devices that -l or -e target= names
  hosts: "{{ lookup('teamsmedic.teams.devices') }}"
  gather_facts: false
  tasks:
    - name: Read what the code points at
      teamsmedic.teams.remediation:
        codes: ["0xCAA70007"]
"""

RETURN = """
_raw:
  description: One host pattern.
  type: list
  elements: str
"""

from typing import Any

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.inventory.manager import InventoryManager
from ansible.plugins.lookup import LookupBase

WHAT = "name the devices: -l GROUP or -e target=GROUP."


class LookupModule(LookupBase):
    """Checks before the play begins that it has devices."""

    def run(self, terms: list[Any], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """The pattern as the only item; it takes no terms."""
        del terms, kwargs
        known = variables or {}
        limit = known.get("ansible_limit")
        target = self._templar.template(known["target"]) if known.get("target") else "all" if limit else None
        if target is None:
            raise AnsibleLookupError(f"looked for the devices of this play: none are named; {WHAT}")
        wanted = f"{target} limited to {limit}" if limit and target != "all" else str(limit or target)
        # A manager of its own: the play's is not to be had here, and a limit is part of its state.
        manager = InventoryManager(self._loader, parse=False)
        for group, hosts in known["groups"].items():
            manager.add_group(group)
            for host in hosts:
                manager.add_host(host, group=group)
        try:
            manager.subset(limit)
            found = manager.get_hosts(target)
        except AnsibleError as error:
            raise AnsibleLookupError(f"looked for {wanted} in the inventory: {error}; {WHAT}") from error
        if not found:
            raise AnsibleLookupError(f"looked for {wanted} in the inventory: no device is of that name; {WHAT}")
        return [target]
