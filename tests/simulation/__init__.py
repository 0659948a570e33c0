"""A connection in a bottle: two sessions, a link between them, and time, all from one seed.

``Simulation(seed).run()`` draws a schedule (two policies, two applications, two transports
and a link with whatever befalls it), plays it on a virtual clock until nothing is left to
happen, and checks after each step, and in the end, what must be true of any connection. A
broken promise raises :exc:`Fault`, which says how to play it again. Nothing here reads a
clock, sleeps, or draws from anything but the seed.

There are three kinds of schedules. Calm ones have a link without faults and a policy
without haste: everything must arrive, and both must end cleanly. Rough ones have anything.
In lying ones one of the two is no session; in altered ones a byte is changed on its way.

The modules, each of which knows only those above it:

* ``world``: time, chance, and the record of what happened;
* ``draws``: policies, habits and data;
* ``wire``: a reader of frames that shares nothing with the library;
* ``account``: what an end has said and heard, by the simulation's own count;
* ``link``: the two directions between two peers;
* ``liar``: a peer that is no session;
* ``calls``: calls that a session may refuse;
* ``audience``: a group of sessions, and what a broadcast to it must do;
* ``application``: what is done above a session;
* ``promises``: what must be true of a session at any time;
* ``end``: a session, with its application, on a transport;
* ``verdict``: what must be true when all is over;
* ``schedule``: a whole schedule.
"""

from __future__ import annotations

from .end import Make, sessions_of
from .schedule import Simulation
from .world import Fault

__all__ = ["Fault", "Make", "Simulation", "sessions_of"]
