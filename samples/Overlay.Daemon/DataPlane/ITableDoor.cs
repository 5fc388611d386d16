namespace Overlay.Daemon.DataPlane;

/// <summary>The door to the one writer of the tables, for whoever wants them changed at run time.</summary>
internal interface ITableDoor
{
    /// <summary>
    /// Has the writer make a change between two rounds of learning. When the task is complete, every reader sees it. Any thread.
    /// </summary>
    /// <param name="change">Called on the writer's thread, once, and not if the task was given up before. What it throws the task throws.</param>
    /// <exception cref="Control.ControlRefusedException">The writer has too much to do, does not come to it in time, or stops.</exception>
    Task<T> ChangeAsync<T>(Func<T> change);
}
