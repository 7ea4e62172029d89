"""The fifteen faults (docs/operations.md says what they show), in the order in which they are thrown together.

Those that only wait for long go first, and end while others are thrown; those that end every process go last.
"""

from tests.faults import of_beats, of_messages, of_the_store, of_the_world, of_workers
from tests.faults.fault import Fault

FAULTS = (
    Fault("04-frozen-beyond-the-lease", of_workers.a_worker_is_frozen_beyond_its_lease_and_goes_on),
    Fault("12-nexus-fails", of_the_world.nexus_fails_in_every_way),
    Fault("13-name-servers-fail", of_the_world.name_servers_fail_in_every_way),
    Fault("14-codes-expire", of_the_world.codes_expire_in_every_state),
    Fault("02-workers-killed", of_workers.whole_workers_are_killed_under_load),
    Fault("03-frozen-and-killed", of_workers.a_worker_is_frozen_hears_the_bell_and_is_killed),
    Fault("07-connections-cut", of_the_store.every_connection_is_cut_and_replies_are_lost),
    Fault("05-store-killed", of_the_store.the_store_is_killed_and_comes_back),
    Fault("06-store-rolled-back", of_the_store.the_store_forgets_a_second),
    Fault("01-pool-child-killed", of_workers.a_pool_child_is_killed_in_mid_batch),
    Fault("11-poisonous-row", of_messages.a_row_kills_who_works_on_it),
    Fault("15-rolling-restart", of_workers.workers_are_replaced_by_new_ones),
    Fault("08-beats", of_beats.beats_are_many_none_and_wrong),
    Fault("09-hostile-messages", of_messages.strangers_send_hostile_messages),
    Fault("10-hostile-queue", of_messages.strangers_write_on_the_celery_queue),
)
